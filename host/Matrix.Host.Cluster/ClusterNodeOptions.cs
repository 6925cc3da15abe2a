using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Cluster;

/// <summary>
/// Where a node of a cluster listens for the others, how they know each other, and when one counts as dead.
/// </summary>
public sealed record ClusterNodeOptions
{
    /// <summary>
    /// How many probes in a row fail before a node votes that another is dead. The last of them goes through a third
    /// node, if there is one.
    /// </summary>
    public const int MissedProbes = 3;

    [Setting(
        "cluster.listen",
        "Address and port on which this node listens for other nodes, with mutual TLS.",
        Scope = SettingScope.Node)]
    public IPEndPoint? Listen { get; init; }

    [Setting(
        "cluster.address",
        "Address and port under which other nodes reach it; off if it is the same.",
        Scope = SettingScope.Node)]
    public IPEndPoint? Address { get; init; }

    [Setting(
        "cluster.requests",
        "Address and port on which this node takes requests of clients and servers that other nodes forward, with "
            + "mutual TLS.",
        Scope = SettingScope.Node)]
    public IPEndPoint? Requests { get; init; }

    [Setting(
        "cluster.requests_address",
        "Address and port under which other nodes reach cluster.requests; off if it is the same.",
        Scope = SettingScope.Node)]
    public IPEndPoint? RequestsAddress { get; init; }

    [Setting(
        "cluster.certificate",
        "A file with this node's certificate (PEM): of the authority below, with the node's name as a DNS name.",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    public string Certificate { get; init; } = "";

    [Setting(
        "cluster.key",
        "A file with the certificate's key (PEM).",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    public string Key { get; init; } = "";

    [Setting(
        "cluster.authority",
        "A file with the certificate (PEM) of the authority that signs the nodes' certificates, and nothing else.",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    public string Authority { get; init; } = "";

    [Setting(
        "cluster.probe_time",
        "How often a node probes each other one, and how long it waits for the answer. A node that is cut off is "
            + "found after six to eight times as long, one that ended after four.",
        Scope = SettingScope.Server)]
    public TimeSpan ProbeTime { get; init; } = TimeSpan.FromSeconds(1);

    [Setting(
        "cluster.alive_time",
        "How often a node writes into the database that it is alive. One that has not for five times as long has no "
            + "vote on who is dead.",
        Scope = SettingScope.Server)]
    public TimeSpan AliveTime { get; init; } = TimeSpan.FromSeconds(2);

    [Setting(
        "cluster.join_time",
        "How long a node that starts tries to reach all others before it gives up.",
        Scope = SettingScope.Server)]
    public TimeSpan JoinTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "cluster.call_bytes",
        "The most bytes of a call between nodes, and of its answer.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 64 << 20, Scope = SettingScope.Server)]
    public int MaxCallBytes { get; init; } = 16 * 1024 * 1024;

    [Setting("cluster.call_time", "The longest time of a call between nodes.", Scope = SettingScope.Server)]
    public TimeSpan LongestCall { get; init; } = TimeSpan.FromSeconds(20);

    [Setting(
        "cluster.calls",
        "Calls to other nodes that wait for answers, and as many of others that are carried out; more are refused.",
        Least = 16, Most = 1_000_000, Scope = SettingScope.Server)]
    public int MaxCalls { get; init; } = 4096;

    [Setting(
        "cluster.connections",
        "Connections to each other node for requests that are forwarded; more requests wait.",
        Least = 4, Most = 10_000, Scope = SettingScope.Server)]
    public int MaxConnections { get; init; } = 512;

    [Setting(
        "cluster.move_time",
        "How long a request waits while its room, user or server moves to another node.",
        Scope = SettingScope.Server)]
    public TimeSpan MoveTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "cluster.clock_difference",
        "How far the clock of a node may be from those of the others. One that is further does not join; while it "
            + "serves, it gives its shards away until its clock is right again.",
        Scope = SettingScope.Server)]
    public TimeSpan ClockDifference { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The clock that is compared with those of the other nodes.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How often what all nodes say of themselves is read.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the certificate is read again.</summary>
    public TimeSpan ReloadEvery { get; init; } = TimeSpan.FromSeconds(30);
}
