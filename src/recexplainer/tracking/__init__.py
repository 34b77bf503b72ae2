"""The only room that talks to MLflow: runs, registry, promotion."""
