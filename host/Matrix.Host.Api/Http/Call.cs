using Matrix.Host.Network;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>A request to a handler: the caller or peer, the address, path and query parameters.</summary>
public sealed class Call
{
    private readonly string[] _names;
    private readonly string[] _values;
    private readonly string _target;
    private readonly Caller? _caller;
    private readonly Peer? _peer;
    private QueryReader? _query;

    internal Call(
        HttpContext http,
        string target,
        Route route,
        string[] names,
        string[] values,
        Caller? caller,
        Peer? peer,
        string address)
    {
        Http = http;
        _target = target;
        Route = route;
        _names = names;
        _values = values;
        _caller = caller;
        _peer = peer;
        Address = address;
    }

    /// <summary>The caller, on routes that require a token.</summary>
    /// <exception cref="InvalidOperationException">The route does not ask for a token.</exception>
    public Caller Caller =>
        _caller ?? throw new InvalidOperationException($"{Route.Template} is open to everyone: use CallerIfAny.");

    /// <summary>The caller, on routes where a token is optional; null without a token.</summary>
    public Caller? CallerIfAny => _caller;

    /// <summary>
    /// The application service whose token the request has, also on routes that are open to everyone; null for none.
    /// </summary>
    public AppService? Service { get; internal init; }

    /// <summary>Whether the request has a token, valid or not.</summary>
    public bool HasToken => PresentedToken.Of(Http, _target) is not null;

    /// <summary>The server that signed the request.</summary>
    /// <exception cref="InvalidOperationException">The route does not require a signature.</exception>
    public Peer Peer => _peer ?? throw new InvalidOperationException($"{Route.Template} is open to everyone.");

    /// <summary>The client's address; behind a proxy too, if the configuration trusts it.</summary>
    public string Address { get; }

    /// <summary>
    /// Whose share of work with other servers the request takes: the application service's, whoever it acts as, the
    /// user's, or that of the address.
    /// </summary>
    public string CausedBy =>
        Service is { } service ? "service " + service.Id : _caller?.UserId ?? AddressBlock.Of(Address);

    /// <summary>Identifies the request in logs.</summary>
    public string RequestId => Http.TraceIdentifier;

    /// <summary>Whether there are any query parameters.</summary>
    internal bool HasQuery => !RequestPath.QueryOf(_target).IsEmpty;

    /// <summary>The query as sent, without the question mark.</summary>
    internal string QueryText => RequestPath.QueryOf(_target).ToString();

    /// <summary>The query's parameters.</summary>
    public QueryReader Query => _query ??= new QueryReader(RequestPath.QueryOf(_target));

    /// <summary>The method, to compare one request with another.</summary>
    public string Method => Route.Method;

    /// <summary>The path with its parameters' names, whatever its prefix: it identifies the endpoint.</summary>
    public string Template => Route.Template;

    /// <summary>The path parameters' values, to compare one request with another.</summary>
    internal string ParametersText => string.Join(' ', _values.Take(_names.Length));

    /// <summary>The bytes of a form, on routes that take one.</summary>
    internal ReadOnlyMemory<byte> Form { get; set; }

    internal HttpContext Http { get; }

    /// <summary>The server of clients, which shares memory among callers; null for requests of other servers.</summary>
    internal ClientServer? Server { get; init; }

    /// <summary>What the request shows of its caller; null for the operator and other servers.</summary>
    internal Credentials? Credentials { get; init; }

    internal Route Route { get; }

    /// <summary>
    /// The error for a caller who may not call any more, asked by a handler that reads the body itself, before it does
    /// anything with it; null for others.
    /// </summary>
    internal ValueTask<Answer?> JudgeArrivedAsync(CancellationToken stop) =>
        Server?.JudgeArrivedAsync(this, stop) ?? new((Answer?)null);

    /// <summary>
    /// Counts what the request does beyond one of its route. The error if that is too much; null if not.
    /// </summary>
    /// <param name="rate">The class in which it counts.</param>
    /// <param name="count">How many requests it counts as.</param>
    /// <param name="taken">How many of these the route's rate has counted.</param>
    internal Answer? Count(RateClass rate, int count = 1, int taken = 0) => Server?.Count(this, rate, count, taken);

    /// <summary>The same request as one of another route.</summary>
    /// <param name="values">The values of that route's path parameters.</param>
    /// <param name="query">Further query parameters, encoded; empty for none. Those of the request come first.</param>
    internal Call To(Route route, string[] names, string[] values, string query)
    {
        var target = query.Length == 0 ? _target : $"{_target}{(_target.Contains('?') ? '&' : '?')}{query}";
        return new Call(Http, target, route, names, values, _caller, _peer, Address)
        {
            Service = Service,
            Server = Server,
            Credentials = Credentials,
        };
    }

    /// <summary>
    /// A path parameter, percent-decoded and valid if its name is that of an identifier. Empty if it is optional and
    /// absent.
    /// </summary>
    public string this[string name]
    {
        get
        {
            var at = Array.IndexOf(_names, name);
            return at < 0 ? "" : _values[at];
        }
    }
}

/// <summary>A server that has signed a request. v1.19 server-server-api#request-authentication</summary>
public sealed record Peer(string ServerName);
