"""Other predictors of the same measurements."""
