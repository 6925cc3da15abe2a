using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>The two requests of a floor server.</summary>
internal static class Floor
{
    /// <summary>One client's commit of one row of an event's size.</summary>
    public static Action Commit(Server server) => Checked(server, c => c.Post("/floor/commit", "{}"u8));

    /// <summary>One client's authenticated request that reads nothing.</summary>
    public static Action Read(Server server) => Checked(server, c => c.Get("/floor/read"));

    private static Action Checked(Server server, Func<HttpConnection, int> request)
    {
        var connection = new HttpConnection(server.Target, server.Tokens.Count > 0 ? server.Tokens[0].AccessToken : "floor");
        return () =>
        {
            var status = request(connection);
            if (status != 200)
            {
                throw new InvalidDataException($"{server.Name} answered {status}: {connection.BodyText}");
            }
        };
    }
}
