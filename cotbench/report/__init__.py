"""What a person looks at: terminal tables, Markdown, CSV, plots. No arithmetic: that is in `compare`."""
