"""Statistics that more than one room needs.

`bootstrap` draws, `weighted` computes figures in all draws at once, `intervals` reads intervals off them, `p_values`
holds the permutation tests and their correction, `agreement` says how far raters agree.
"""
