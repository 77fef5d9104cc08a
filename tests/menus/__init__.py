"""Tests of the menu machine: no bank, no web, no service."""
