"""A store and a delivery that the product does not know, as a plug-in would bring them.

`python -m tests.support.made_up ARGS...` is `python -m wizard ARGS...` with both registered.
"""
