"""The sandbox's page: static files and the routes that tell it what the books hold, for people who want to see what a copy did."""

from unibill.sandbox.page.routes import page_routes

__all__ = ["page_routes"]
