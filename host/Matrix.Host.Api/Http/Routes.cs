using Matrix.Core.Json;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Collects the routes of one API. Paths are written without their prefix. Each route declares what its requests belong
/// to (<see cref="RouteOwner"/>): there is no default.
/// </summary>
public abstract class Routes
{
    private readonly string[] _prefixes;
    private readonly RouteOptions _defaults;
    private readonly RouteOwner? _owner;

    private protected Routes(List<Route> collected, string[] prefixes, RouteOptions defaults, RouteOwner? owner)
    {
        Collected = collected;
        _prefixes = prefixes;
        _defaults = defaults;
        _owner = owner;
    }

    /// <summary>The routes so far, under all prefixes.</summary>
    internal List<Route> Collected { get; }

    /// <summary>
    /// A GET without a query, or whose handler reads the query itself. A page also has a HEAD: the headers of the same
    /// response.
    /// </summary>
    public void Get(string path, Handler handler, RouteOptions? options = null)
    {
        Add("GET", path, takesBody: false, (call, _, stop) => handler(call, stop), options);
        if ((options ?? _defaults).IsPage) Head(path, handler, options);
    }

    /// <summary>A GET whose query `read` reads.</summary>
    public void Get<T>(string path, Func<QueryReader, T> read, Handler<T> handler, RouteOptions? options = null) =>
        Add("GET", path, takesBody: false, WithQuery(read, handler), options);

    /// <summary>A HEAD: the web server sends only the headers of the GET's response.</summary>
    public void Head(string path, Handler handler, RouteOptions? options = null) =>
        Add("HEAD", path, takesBody: false, (call, _, stop) => handler(call, stop), options);

    /// <summary>A GET whose query `read` reads, and a HEAD: the headers of the same response.</summary>
    public void GetAndHead<T>(
        string path, Func<QueryReader, T> read, Handler<T> handler, RouteOptions? options = null)
    {
        Get(path, read, handler, options);
        Add("HEAD", path, takesBody: false, WithQuery(read, handler), options);
    }

    /// <summary>A POST whose body is ignored, or whose handler reads it itself.</summary>
    public void Post(string path, Handler handler, RouteOptions? options = null) =>
        Add("POST", path, takesBody: false, (call, _, stop) => handler(call, stop), options);

    /// <summary>A POST whose body `read` reads.</summary>
    public void Post<T>(string path, Func<BodyReader, T> read, Handler<T> handler, RouteOptions? options = null) =>
        Add("POST", path, takesBody: true, WithBody(read, handler), options);

    /// <summary>A POST of a form, which `read` reads.</summary>
    public void PostForm<T>(string path, Func<FormReader, T> read, Handler<T> handler, RouteOptions? options = null) =>
        Add(
            "POST",
            path,
            takesBody: true,
            (call, _, stop) =>
            {
                var form = new FormReader(call.Form.Span);
                var input = read(form);
                return form.Problem is { } problem ? ValueTask.FromResult(problem) : handler(call, input, stop);
            },
            (options ?? _defaults) with { TakesForm = true });

    /// <summary>A PUT whose handler reads the body itself.</summary>
    public void Put(string path, Handler handler, RouteOptions? options = null) =>
        Add("PUT", path, takesBody: false, (call, _, stop) => handler(call, stop), options);

    /// <summary>A PUT whose body `read` reads.</summary>
    public void Put<T>(string path, Func<BodyReader, T> read, Handler<T> handler, RouteOptions? options = null) =>
        Add("PUT", path, takesBody: true, WithBody(read, handler), options);

    /// <summary>A DELETE.</summary>
    public void Delete(string path, Handler handler, RouteOptions? options = null) =>
        Add("DELETE", path, takesBody: false, (call, _, stop) => handler(call, stop), options);

    /// <summary>A DELETE whose body, if present, `read` reads.</summary>
    public void Delete<T>(string path, Func<BodyReader, T> read, Handler<T> handler, RouteOptions? options = null) =>
        Add(
            "DELETE", path, takesBody: true, WithBody(read, handler),
            (options ?? _defaults) with { BodyMayBeMissing = true });

    private void Add(
        string method,
        string path,
        bool takesBody,
        Func<Call, JsonObject?, CancellationToken, ValueTask<Answer>> handle,
        RouteOptions? options)
    {
        var asked = options ?? _defaults;
        var owner = _owner ?? asked.Owner
            ?? throw new InvalidOperationException($"{method} {_prefixes[0]}{path} does not say what it belongs to.");
        foreach (var prefix in _prefixes)
        {
            Collected.Add(new Route(method, prefix + path, takesBody, handle, asked with { Owner = owner }));
        }
    }

    private static Func<Call, JsonObject?, CancellationToken, ValueTask<Answer>> WithBody<T>(
        Func<BodyReader, T> read, Handler<T> handler) =>
        (call, body, stop) =>
        {
            var reader = new BodyReader(body ?? JsonObject.Empty);
            var input = read(reader);
            return reader.Problem is { } problem ? ValueTask.FromResult(problem) : handler(call, input, stop);
        };

    private static Func<Call, JsonObject?, CancellationToken, ValueTask<Answer>> WithQuery<T>(
        Func<QueryReader, T> read, Handler<T> handler) =>
        (call, _, stop) =>
        {
            var input = read(call.Query);
            return call.Query.Problem is { } problem ? ValueTask.FromResult(problem) : handler(call, input, stop);
        };
}

/// <summary>Responds to a request.</summary>
/// <param name="stop">Cancelled when the client has gone.</param>
public delegate ValueTask<Answer> Handler(Call call, CancellationToken stop);

/// <summary>Responds to a request whose body or query was read and is well formed.</summary>
/// <param name="input">The result of the route's reader.</param>
/// <param name="stop">Cancelled when the client has gone.</param>
public delegate ValueTask<Answer> Handler<in T>(Call call, T input, CancellationToken stop);
