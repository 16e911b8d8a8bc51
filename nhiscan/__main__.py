"""`python -m nhiscan` is `nhiscan`."""

from nhiscan.cli.main import run

if __name__ == "__main__":
    run()
