"""Google Cloud, over its REST APIs."""
