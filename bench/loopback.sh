# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the demo and the end-to-end scenarios share, to be sourced: is a process alive, is a port taken, a certificate made on the
# spot, an nginx configuration that keeps to one folder and to loopback. Nothing here starts or stops anything.

# alive PID: runs, and is not a zombie. (The state follows the last parenthesis of the line.)
alive()
{
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	stat=${stat##*) }
	[ "${stat%% *}" != Z ]
}

# listening PORT: somebody does, on loopback or everywhere.
listening()
{
	local port
	printf -v port '%04X' "$1"
	grep -qiE "^ *[0-9]+: [0-9A-F]+:$port .* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_port: one that nobody listens on, below those that the kernel gives to outgoing connections; in $port.
free_port()
{
	while :; do
		port=$((20000 + RANDOM % 12000))
		listening "$port" || return 0
	done
}

# certificate DIR: DIR/ca.pem and, signed by it, DIR/leaf.pem + DIR/leaf.key for 127.0.0.1 and localhost. Good for a week; the
# authority's key is thrown away.
certificate()
(
	cd "$1" || exit 1
	umask 077
	cat >leaf.ext <<EXT
subjectAltName = IP:127.0.0.1, DNS:localhost
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
EXT
	key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
	# shellcheck disable=SC2086
	openssl req -x509 $key -keyout ca.key -out ca.pem -days 7 -subj '/CN=fetchd loopback CA' \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign &&
		openssl req $key -keyout leaf.key -out leaf.csr -subj /CN=localhost &&
		openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 7 \
			-extfile leaf.ext -out leaf.pem &&
		chmod 644 ca.pem leaf.pem
	made=$?
	rm -f ca.key leaf.csr leaf.ext
	exit $made
)

# listen_on_ipv6 PORT...: where there is IPv6, "localhost" may lead there first.
listen_on_ipv6()
{
	! grep -qs ' lo$' /proc/net/if_inet6 || echo "listen [::1]:$1;"
}

# nginx_config DIR HTTP_PORT HTTPS_PORT: prints an nginx.conf that serves DIR/www on loopback with DIR/leaf.pem, and keeps its logs and
# temporary files below DIR/nginx. DIR is absolute; DIR/locations.conf adds locations.
#	/redirect/PATH	302 to /PATH		/to-https/PATH	302 to https
#	/loop		302 to itself		what is absent	404 with the body "no such page"
nginx_config()
{
	local dir=$1 http=$2 https=$3

	# Workers of a master that runs as root would become "nobody", who may not read the tree.
	[ "$(id -u)" != 0 ] || echo 'user root;'
	cat <<CONF
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid $dir/nginx/pid;
error_log $dir/nginx/error.log warn;
events { worker_connections 8192; }
http {
	access_log off;
	log_not_found off;
	types { text/plain txt; application/octet-stream bin; text/html html; }
	default_type application/octet-stream;
	sendfile on;
	tcp_nopush on;
	keepalive_timeout 60s;
	keepalive_requests 100000;
	client_body_temp_path $dir/nginx/body;
	proxy_temp_path $dir/nginx/proxy;
	fastcgi_temp_path $dir/nginx/fastcgi;
	uwsgi_temp_path $dir/nginx/uwsgi;
	scgi_temp_path $dir/nginx/scgi;
	server {
		listen 127.0.0.1:$http backlog=4096;
		listen 127.0.0.1:$https ssl backlog=4096;
		$(listen_on_ipv6 "$http")
		$(listen_on_ipv6 "$https ssl")
		ssl_certificate $dir/leaf.pem;
		ssl_certificate_key $dir/leaf.key;
		ssl_protocols TLSv1.2 TLSv1.3;
		root $dir/www;
		error_page 404 @missing;
		location @missing { default_type text/plain; return 404 "no such page\\n"; }
		location = /loop { return 302 /loop; }
		location ~ ^/redirect/(.*) { return 302 /\$1; }
		location ~ ^/to-https/(.*) { return 302 https://127.0.0.1:$https/\$1; }
		include $dir/locations.conf;
	}
}
CONF
}
