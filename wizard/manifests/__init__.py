"""Kinds of file that several sections share."""
