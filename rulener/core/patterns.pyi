"""The pattern matcher: bounded backtracking that visits each (instruction, token) once. No Python face."""
