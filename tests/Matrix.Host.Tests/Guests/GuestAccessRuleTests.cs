using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Guests;

/// <summary>Which routes are open to guests: those of the specification's list, and a few more.</summary>
internal sealed class GuestAccessRuleTests
{
    /// <summary>Client-Server API, "Guest Access", "Client behaviour".</summary>
    private static readonly string[] _listed =
    [
        "GET rooms/{roomId}/state",
        "GET rooms/{roomId}/context/{eventId}",
        "GET rooms/{roomId}/event/{eventId}",
        "GET rooms/{roomId}/state/{eventType}/{stateKey?}",
        "GET rooms/{roomId}/messages",
        "GET rooms/{roomId}/members",
        "GET rooms/{roomId}/initialSync",
        "GET sync",
        "GET events",
        "GET media/download/{serverName}/{mediaId}",
        "GET media/download/{serverName}/{mediaId}/{fileName}",
        "GET media/thumbnail/{serverName}/{mediaId}",
        "POST rooms/{roomId}/join",
        "POST rooms/{roomId}/leave",
        "PUT rooms/{roomId}/send/{eventType}/{txnId}",
        "PUT rooms/{roomId}/state/{eventType}/{stateKey?}",
        "PUT sendToDevice/{eventType}/{txnId}",
        "PUT profile/{userId}/displayname",
        "DELETE profile/{userId}/displayname",
        "GET devices",
        "GET devices/{deviceId}",
        "PUT devices/{deviceId}",
        "GET account/whoami",
        "POST keys/upload",
        "POST keys/query",
        "POST keys/claim",
    ];

    /// <summary>
    /// The end of a session, the same join by another path, what a client asks any server, and calls (`turn.guests`).
    /// </summary>
    private static readonly string[] _added =
    [
        "POST logout",
        "POST logout/all",
        "POST join/{roomIdOrAlias}",
        "GET capabilities",
        "GET voip/turnServer",
    ];

    [Test]
    public async Task Guests_may_call_what_the_specification_lists_and_what_is_named_here()
    {
        await using var server = await TestServer.StartAsync();
        var routes = new ClientRoutes();
        foreach (var endpoints in server.Services.GetServices<IEndpoints>()) endpoints.Map(routes);

        var open = routes.Collected
            .Where(route => route.Options.Access == Access.UsersAndGuests && route.Method != "HEAD")
            .Select(route => (route.Method, Path: PathOf(route.Template)))
            .Where(route => route.Path is not null)
            .Select(route => $"{route.Method} {route.Path}")
            .Distinct();

        Assert.That(open, Is.EquivalentTo(_listed.Concat(_added)));
    }

    [Test]
    public async Task Of_unstable_routes_guests_may_call_those_of_sync_and_of_their_own_delayed_events()
    {
        await using var server = await TestServer.StartAsync();
        var routes = new ClientRoutes();
        foreach (var endpoints in server.Services.GetServices<IEndpoints>()) endpoints.Map(routes);

        var open = routes.Collected
            .Where(route => route.Options.Access == Access.UsersAndGuests && PathOf(route.Template) is null)
            .Select(route => $"{route.Method} {route.Template}");

        Assert.That(open, Is.EquivalentTo(new[]
        {
            "POST /_matrix/client/v4/sync",
            "POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
            "GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events",
        }));
    }

    /// <summary>The path below the prefix of a stable version; null for others.</summary>
    private static string? PathOf(string template) => new[] { "v1/", "v3/", "r0/" }
        .Select(version => "/_matrix/client/" + version)
        .Where(prefix => template.StartsWith(prefix, StringComparison.Ordinal))
        .Select(prefix => template[prefix.Length..])
        .FirstOrDefault();
}
