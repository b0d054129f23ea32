"""A Flask application on its own threaded server, a thread per connection."""

import logging
import sys

from flask import Flask, jsonify

application = Flask(__name__)


@application.get("/")
def hello():
    return jsonify(squares=[number * number for number in range(20)])


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application.run("127.0.0.1", int(sys.argv[1]), threaded=True)
