"""Simplified Chinese: figures in threes, as the compare page counts them in the browser."""

NUMBER_GROUPING = 3
