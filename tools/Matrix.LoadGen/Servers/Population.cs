using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Servers;

/// <summary>
/// The users of one server: the given ones first, then new ones by the shared-secret registration
/// (<c>/synapse/admin/v1/register</c>). Asking twice for the first ten gives the same ten: passwords are dear to hash.
/// </summary>
internal sealed class Population(Server server)
{
    private const int Most = 1000;

    private readonly List<Account> _accounts = [.. server.Tokens.Select(t => new Account(server, t.UserId, t.AccessToken))];
    private readonly string _prefix = "load" + Guid.NewGuid().ToString("n")[..8];

    public IReadOnlyList<Account> First(int count)
    {
        if (count > Most)
        {
            throw new UsageException($"At most {Most} users are made on a server, not {count}.");
        }

        while (_accounts.Count < count)
        {
            _accounts.Add(Register($"{_prefix}-{_accounts.Count}"));
        }

        return _accounts.GetRange(0, count);
    }

    /// <summary>A user whom no workload has used before.</summary>
    public Account Fresh() => First(_accounts.Count + 1)[^1];

    private Account Register(string name)
    {
        if (server.Secret is null)
        {
            throw new UsageException($"{server.Name} has {_accounts.Count} tokens; more users need --secret.");
        }

        const string path = "/_synapse/admin/v1/register";
        using var connection = new HttpConnection(server.Target, token: null);
        var nonce = Read(connection, connection.Get(path)).GetProperty("nonce").GetString()!;
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var mac = Mac(server.Secret, nonce, name, password);
        var body = JsonSerializer.SerializeToUtf8Bytes(new { nonce, username = name, password, admin = false, mac });
        var made = Read(connection, connection.Post(path, body));
        return new Account(server, made.GetProperty("user_id").GetString()!, made.GetProperty("access_token").GetString()!);
    }

    // SHA-1 is what the protocol of the ecosystem's tools asks for.
#pragma warning disable CA5350
    private static string Mac(string secret, string nonce, string name, string password) =>
        Convert.ToHexStringLower(HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{nonce}\0{name}\0{password}\0notadmin")));
#pragma warning restore CA5350

    private JsonElement Read(HttpConnection connection, int status) => status == 200
        ? JsonDocument.Parse(connection.BodyText).RootElement
        : throw new InvalidDataException($"{server.Name} answered {status} to a registration: {connection.BodyText}");
}
