"""report.html: every photo before and after, worst first, in one page that opens without a network."""
