"""The report: one HTML file, complete in itself, with every figure and an explorer of explained cases."""
