# Writes its process id down, and then lives as it is told: an hour, deaf to SIGINT, or a second and a half.

echo $$ >> "$CHAOS_PIDS"
case "$CHAOS_LIFE" in
  long) exec sleep 3600 ;;
  deaf) trap '' INT; exec sleep 3600 ;;
  brief) exec sleep 1.5 ;;
esac
