"""What is said: from sound to a transcript."""
