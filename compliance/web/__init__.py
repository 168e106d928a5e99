"""The pages: blueprints of module-level functions; they translate, and decide nothing."""
