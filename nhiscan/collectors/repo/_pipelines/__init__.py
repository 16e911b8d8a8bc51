"""Readers of pipeline definitions, one module per system; `systems` lists them."""
