"""What a study adds to its results for the page: all views, countries, scenarios."""
