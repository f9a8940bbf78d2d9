"""The Keras side. Importing this package imports no Keras: only `registry` names what can be built."""
