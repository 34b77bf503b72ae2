"""One module per section of the report: figures in, tables, charts and a reading in words out."""
