using Matrix.Core.Json;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Finds the route of a path. It matches the path as sent, segment by segment, and decodes each segment once: so a `/`
/// or `%` inside an identifier survives.
/// </summary>
internal sealed class RouteTable
{
    private readonly Node _root = new();

    internal RouteTable(IEnumerable<Route> routes)
    {
        foreach (var route in routes) Add(route);
    }

    /// <summary>The most parameters of a path.</summary>
    internal const int MostParameters = 6;

    /// <summary>The result of matching a path.</summary>
    internal readonly record struct Match(Endpoint? Endpoint, string[] Values, bool Malformed);

    /// <summary>The methods of one path.</summary>
    internal sealed class Endpoint
    {
        private readonly List<(string Method, Route Route, string[] Names)> _methods = [];

        internal string Allowed { get; private set; } = "";

        internal bool HasETags { get; private set; }

        internal bool IsPage { get; private set; }

        internal bool TryFind(string method, out Route route, out string[] names)
        {
            foreach (var m in _methods)
            {
                if (m.Method != method) continue;
                (route, names) = (m.Route, m.Names);
                return true;
            }

            (route, names) = (null!, []);
            return false;
        }

        internal void Add(Route route, string[] names)
        {
            if (TryFind(route.Method, out _, out _))
            {
                throw new InvalidOperationException($"{route.Method} {route.Template} is mapped twice.");
            }

            _methods.Add((route.Method, route, names));
            Allowed = string.Join(", ", _methods.Select(m => m.Method));
            HasETags |= route.Options.ETags;
            IsPage |= route.Options.IsPage;
        }
    }

    /// <summary>Finds the endpoint of a path. Malformed if a segment is not percent-encoded UTF-8.</summary>
    internal Match Find(ReadOnlySpan<char> path)
    {
        var values = new string[MostParameters];
        var malformed = false;
        var found = path.Length > 0 && path[0] == '/' ? Walk(_root, path[1..], values, 0, ref malformed) : null;
        return new Match(found, values, malformed);
    }

    private static Endpoint? Walk(Node node, ReadOnlySpan<char> rest, string[] values, int taken, ref bool malformed)
    {
        var slash = rest.IndexOf('/');
        var segment = slash < 0 ? rest : rest[..slash];

        if (node.Literals.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(segment, out var next))
        {
            var found = slash < 0 ? next.Endpoint : Walk(next, rest[(slash + 1)..], values, taken, ref malformed);
            if (found is not null) return found;
        }

        if (node.Parameter is not { } parameter || (segment.IsEmpty && !node.ParameterMayBeEmpty)) return null;
        if (!RequestPath.TryDecode(segment, plusIsSpace: false, out var value))
        {
            malformed = true;
            return null;
        }

        values[taken] = value;
        return slash < 0 ? parameter.Endpoint : Walk(parameter, rest[(slash + 1)..], values, taken + 1, ref malformed);
    }

    private void Add(Route route)
    {
        var names = new List<string>();
        var node = _root;
        var segments = route.Template[1..].Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            var segment = segments[i];
            if (!segment.StartsWith('{'))
            {
                node = node.Literal(segment);
                continue;
            }

            var optional = segment.EndsWith("?}", StringComparison.Ordinal);
            if (optional)
            {
                if (i != segments.Length - 1)
                {
                    throw new InvalidOperationException($"{route.Template}: only the last parameter may be empty.");
                }

                (node.Endpoint ??= new Endpoint()).Add(route, [.. names]);
                node.ParameterMayBeEmpty = true;
            }

            names.Add(segment.Trim('{', '}', '?'));
            node = node.Parameter ??= new Node();
        }

        if (names.Count > MostParameters)
        {
            throw new InvalidOperationException($"{route.Template} has too many parameters.");
        }

        (node.Endpoint ??= new Endpoint()).Add(route, [.. names]);
    }

    private sealed class Node
    {
        internal Dictionary<string, Node> Literals { get; } = new(StringComparer.Ordinal);

        internal Node? Parameter { get; set; }

        internal bool ParameterMayBeEmpty { get; set; }

        internal Endpoint? Endpoint { get; set; }

        internal Node Literal(string segment)
        {
            if (!Literals.TryGetValue(segment, out var node)) Literals.Add(segment, node = new Node());
            return node;
        }
    }
}

/// <summary>One method of one path.</summary>
/// <param name="Template">The path with parameters as `{roomId}`. `{stateKey?}` may be empty, with or without the slash
/// before it. Parameters have the specification's names: identifiers are checked by name before the handler is called
/// (<see cref="PathParameters"/>).</param>
/// <param name="TakesBody">Whether the handler gets the body.</param>
/// <param name="Handle">The handler; the object is the body, or null.</param>
internal sealed record Route(
    string Method,
    string Template,
    bool TakesBody,
    Func<Call, JsonObject?, CancellationToken, ValueTask<Answer>> Handle,
    RouteOptions Options)
{
    /// <summary>What its requests belong to.</summary>
    internal RouteOwner Owner { get; } = Options.Owner ?? throw new ArgumentException($"{Template} names no owner.");

    /// <summary>Whether suspended users may call it.</summary>
    internal bool IsOpenToSuspended { get; } = Method is "GET" or "HEAD" || Options.OpenToSuspended;

    /// <summary>Whether the caller is judged again before the response is written.</summary>
    internal bool IsJudgedAgain { get; } = Method is "GET" or "HEAD" || Options.OnlyReads;
}
