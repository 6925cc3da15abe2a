using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>The two requests of a floor server.</summary>
internal static class Floor
{
    /// <summary>One client's commit of one row of an event's size.</summary>
    public static Exchange Commit(Server server) => Checked(server, c => c.BeginPost("/floor/commit", "{}"u8));

    /// <summary>One client's authenticated request that reads nothing.</summary>
    public static Exchange Read(Server server) => Checked(server, c => c.BeginGet("/floor/read"));

    /// <summary>A download of a file of 10 MB.</summary>
    public static Exchange File(Server server) => Checked(server, c => c.BeginGet("/floor/files/ten-megabytes"));

    private static Exchange Checked(Server server, Action<HttpConnection> begin)
    {
        var connection = new HttpConnection(
            server.Target, server.Tokens.Count > 0 ? server.Tokens[0].AccessToken : "floor");
        return new(connection, () => begin(connection), () =>
        {
            var status = connection.End();
            if (status != 200)
            {
                throw new InvalidDataException($"{server.Name} answered {status}: {connection.BodyText}");
            }
        });
    }
}
