"""`dspipe schema`."""


def schema() -> None:
    """Print the JSON Schema of configs, for editors."""
    import json

    from dspipe.pipeline.config.schema import json_schema

    print(json.dumps(json_schema(), indent=1))
