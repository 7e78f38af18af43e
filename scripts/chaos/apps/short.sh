echo $$ >> "$CHAOS_PIDS"
exec sleep 300
