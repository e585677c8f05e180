"""Small stages for testing the engine, named in configs by their dotted module names."""
