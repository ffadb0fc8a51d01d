"""What outlives the terminal: findings in words, tables, Markdown, CSV, plots and the page. No arithmetic."""
