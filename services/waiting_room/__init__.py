"""The line before a sale: numbers in the order of arrival, so many admitted a second, a light page."""
