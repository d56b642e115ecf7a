#!/bin/bash
# Answers one HTTP request on stdin and stdout with a file of a folder: what QEMU starts for each connection to the guest's repository.
# usage: serve.sh FOLDER
read -r _ path _ || exit 0
while read -r line && [ "${line%$'\r'}" != "" ]; do :; done
file=$1/$(printf '%b' "$(basename "${path//%/\\x}")")
if [ -f "$file" ]; then
  printf 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' "$(stat -c %s "$file")"
  cat "$file"
else
  printf 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
fi
# QEMU drops what has not arrived when the program ends.
cat >/dev/null
