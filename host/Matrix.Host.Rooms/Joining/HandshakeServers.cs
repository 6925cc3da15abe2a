using Matrix.Core.Ident;

namespace Matrix.Host.Rooms.Joining;

/// <summary>The servers through which a user leaves or knocks.</summary>
internal static class HandshakeServers
{
    /// <summary>The first of these servers, as many as are asked, without this one.</summary>
    internal static IEnumerable<string> Of(IEnumerable<string> servers, RoomsOptions options) => servers
        .Where(server => ServerName.IsValid(server) && server != options.ServerName)
        .Distinct()
        .Take(options.HandshakeCandidates);
}
