"""Step 2, YAML: from the text of each file to its plain value (`documents`).

Nearly every text is read by `fast`, big folders by several processes at once (`parallel`). What is unusual there, and
whatever must be shown to somebody, is read by `exact`, whose `tree` knows where everything stands; `locator` answers
with it. `scalars` says what a plain word means to both; `syntax_errors` and `separators` know the slips behind what the
parser complains of.
"""
