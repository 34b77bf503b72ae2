"""Registered models behind MLflow's server."""
