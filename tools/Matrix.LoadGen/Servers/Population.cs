using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Servers;

/// <summary>
/// The users of one server: the given ones first, then new ones by the shared-secret registration
/// (<c>/_synapse/admin/v1/register</c>). The first ten are the same at each call, because passwords are slow to hash.
/// </summary>
internal sealed class Population(Server server, int most = 1000)
{
    private readonly List<Account> _accounts = [
        .. server.Tokens.Select(t => new Account(server, t.UserId, t.AccessToken))];
    private readonly Dictionary<string, string> _passwords = [];
    private readonly string _prefix = "load" + Guid.NewGuid().ToString("n")[..8];

    public IReadOnlyList<Account> First(int count)
    {
        if (count > most)
        {
            throw new UsageException($"At most {most} users can be created on a server; {count} are needed.");
        }

        while (_accounts.Count < count)
        {
            _accounts.Add(Register($"{_prefix}-{_accounts.Count}"));
        }

        return _accounts.GetRange(0, count);
    }

    /// <summary>A user that no workload has used before.</summary>
    public Account Fresh() => First(_accounts.Count + 1)[^1];

    /// <summary>The password of a user that this population made.</summary>
    public string PasswordOf(Account account) => _passwords[account.UserId];

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
        var userId = made.GetProperty("user_id").GetString()!;
        _passwords[userId] = password;
        return new Account(server, userId, made.GetProperty("access_token").GetString()!);
    }

    /// <summary>Proves that one knows the shared secret. The protocol uses SHA-1.</summary>
#pragma warning disable CA5350
    public static string Mac(string secret, string nonce, string name, string password) =>
        Convert.ToHexStringLower(HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{nonce}\0{name}\0{password}\0notadmin")));
#pragma warning restore CA5350

    private JsonElement Read(HttpConnection connection, int status) => status == 200
        ? JsonDocument.Parse(connection.BodyText).RootElement
        : throw new InvalidDataException($"{server.Name} answered {status} to a registration: {connection.BodyText}");
}
