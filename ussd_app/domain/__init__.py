"""What the bank promises. Knows neither the web, Redis nor any provider."""
