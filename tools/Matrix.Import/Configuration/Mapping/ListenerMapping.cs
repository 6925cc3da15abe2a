using System.Net;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>
/// Listeners: this server has one for clients, without TLS, and one for other servers, with or without; the first can
/// serve both.
/// </summary>
internal static class ListenerMapping
{
    private const string Federation = "listeners.federation";

    internal static void Map(MappingContext to)
    {
        var all = SynapseListener.Read(to.From);
        var web = all.Where(static each => !each.IsMetrics && (each.HasClients || each.HasServers)).ToList();
        foreach (var socket in web.Where(static each => each.Port == 0))
        {
            to.Findings.Refuse(
                socket.Name, "This server listens at no socket of the file system: let the proxy use a port.");
        }

        var clients = web.Find(static each => each is { HasClients: true, HasTls: false, EndPoint: not null });
        var servers = web.Find(each => each is { HasServers: true, HasTls: true, EndPoint: not null })
            ?? web.Find(each => each is { HasServers: true, EndPoint: not null } && each != clients);
        if (clients is not null)
        {
            Set(to, "listeners.client", clients);
            if (clients.HasServers) to.Ours.Set("listeners.federation_on_client", true);
        }
        else
        {
            to.Findings.List("listeners", "None is for clients without TLS: listeners.client is 127.0.0.1:8008.");
        }

        if (servers is not null) SetServers(to, servers);
        if ((clients ?? servers)?.IsForwarded == true) to.Ours.Set("listeners.trust_forwarded_for", true);
        if (clients is { IsForwarded: true } && servers is { IsForwarded: false, EndPoint.Address: var address }
            && !IPAddress.IsLoopback(address))
        {
            to.Findings.List(
                "listeners.x_forwarded",
                $"{servers.Name} trusts the header X-Forwarded-For too: let nobody but a proxy reach it.");
        }

        foreach (var other in web.Where(each => each != clients && each != servers && each.Port > 0))
        {
            to.Findings.Refuse(other.Name, "Nothing listens at this port: there is one listener for clients.");
        }

        Workers(to, servers);
        Metrics(to, all);
    }

    private static void SetServers(MappingContext to, SynapseListener servers)
    {
        Set(to, Federation, servers);
        if (servers.HasTls) Certificates(to, servers);
        if (!servers.HasClients) return;
        var at = Uri.TryCreate(to.From.Text("public_baseurl"), UriKind.Absolute, out var url) ? url.Port : 443;
        if (at == servers.Port || !to.Ours.Has("listeners.client"))
        {
            to.Findings.Refuse(
                servers.Name,
                "Clients use this port, with TLS: here it is for other servers only. Put a proxy with TLS in front of "
                    + "listeners.client.");
        }
        else
        {
            to.Findings.List(servers.Name, "Here it is for other servers only; clients have listeners.client.");
        }
    }

    private static void Set(MappingContext to, string setting, SynapseListener listener)
    {
        var chosen = listener.EndPoint!;
        to.Ours.Set(setting, chosen.ToString());
        var beside = listener.Beside(chosen);
        if (beside.Count == 0) return;
        to.Findings.List(
            $"{listener.Name}.bind_addresses", $"{setting} is {chosen}, and not {string.Join(", ", beside)}.");
    }

    private static void Certificates(MappingContext to, SynapseListener servers)
    {
        var certificate = to.From.FilePath("tls_certificate_path");
        var key = to.From.FilePath("tls_private_key_path");
        if (certificate is not null && key is not null && File.Exists(certificate) && File.Exists(key))
        {
            to.Ours.Set("tls.certificate", certificate);
            to.Ours.Set("tls.key", key);
            return;
        }

        to.Ours.Remove(Federation);
        to.Findings.Refuse(
            $"{servers.Name}.tls",
            "Its certificate or key is missing (tls_certificate_path, tls_private_key_path): it is not carried.");
    }

    private static void Workers(MappingContext to, SynapseListener? servers)
    {
        if (!to.Config.Workers.HasWorkers) return;
        to.Findings.List(
            "instance_map", "Workers end: let the proxy send all of /_matrix and /_synapse to listeners.client.");
        if (servers is null) to.Ours.Set("listeners.federation_on_client", true);
    }

    private static void Metrics(MappingContext to, IReadOnlyList<SynapseListener> all)
    {
        SynapseListener[] metrics = [.. all.Where(static each => each is { IsMetrics: true, EndPoint: not null })];
        if (metrics.Length > 0) Set(to, "listeners.metrics", metrics[0]);
        foreach (var other in metrics.Skip(1))
        {
            to.Findings.List(other.Name, "Nothing listens at this port: there is one listener for metrics.");
        }
    }
}
