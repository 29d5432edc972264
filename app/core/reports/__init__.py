"""Reports: figures of one question asked together, laid out as cards, charts and tables, and the records behind them."""
