"""The service: an engine behind HTTP (`rulener serve`). May import the public face and what `run/` says of bugs, never the core,
the compiler or `cli/`; FastAPI, uvicorn and prometheus-client (extra `[serve]`) are imported in this room only.

    door      every request comes in here: token, last resort, log, metrics
    app       the routes: what is done for each
    bodies    a request's body: read within limits, checked against its form
    desk      engine work in threads: a bounded queue, deadlines, clients that leave
    engines   the engine in use, and reloading it
    problems  every refusal, as RFC 9457 problem details
    pages     the OpenAPI document
    server    the process: binding, signals, stopping
"""
