"""The objects of a release in its namespace, and the steps that delete them."""
