#!/bin/bash
# Waits until the addresses in WAIT_FOR take connections and the files in it are there, reads the password of the database, then
# becomes the program.
# `executor` as the only word is what Spark's scheduler for Kubernetes says: then it becomes an executor, of the environment of Python
# in CLEARHOLD_ENVIRONMENT, and works in a folder that it may write to.
set -eu
there() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) (: < "/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null ;;
  esac
}
for thing in ${WAIT_FOR:-}; do
  until there "$thing"; do
    echo "waiting for $thing"
    sleep 1
  done
done
if [ -r /run/secrets/postgres_password ]; then
  PGPASSWORD=$(cat /run/secrets/postgres_password)
  export PGPASSWORD
fi
if [ "$*" = executor ]; then
  options=()
  for name in $(compgen -v SPARK_JAVA_OPT_ | sort -t_ -k4 -n); do options+=("${!name}"); done
  cd "${SPARK_LOCAL_DIRS%%,*}"
  exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "${CLEARHOLD_ENVIRONMENT:-/opt/clearhold/.venv-hot}/lib/python3.11/site-packages/pyspark/jars/*" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend --driver-url "$SPARK_DRIVER_URL" \
    --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" --app-id "$SPARK_APPLICATION_ID" \
    --hostname "$SPARK_EXECUTOR_POD_IP" --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
fi
exec "$@"
