// A Kubernetes API server and the etcd it needs, without a cluster around them.
//
//	kube-apiserver FLAGS...             the API server itself, as upstream builds it
//	kube-apiserver etcd FOLDER URL      etcd serving clients at URL; FOLDER holds its data
package main

import (
	"fmt"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func etcd(folder string, address string) error {
	clients, err := url.Parse(address)
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = folder
	config.LogLevel = "error"
	// What is stored lives as long as one test run.
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{*clients}
	config.AdvertiseClientUrls = config.ListenClientUrls
	// One member talks to nobody: port 0 keeps the usual port free for others.
	peers := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.ListenPeerUrls = []url.URL{peers}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	return <-server.Err()
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "etcd" {
		fmt.Fprintln(os.Stderr, etcd(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
