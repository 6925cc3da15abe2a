using System.Text.RegularExpressions;

namespace Matrix.Host.Users.AppServices;

/// <summary>One namespace of an application service. v1.19 application-service-api#registration</summary>
public sealed class Namespace
{
    private readonly Regex _regex;

    /// <summary>Creates a namespace.</summary>
    /// <exception cref="ArgumentException">The expression is malformed.</exception>
    /// <exception cref="NotSupportedException">The expression has lookarounds, backreferences or the like, with which
    /// the time of a match has no bound.</exception>
    public Namespace(string regex, bool isExclusive)
    {
        IsExclusive = isExclusive;

        // Matched from the start of a name, not up to its end, as other servers do. Decision 66.
        _regex = new Regex($@"\A(?:{regex})", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    /// <summary>Whether only this service may create and delete what the namespace includes.</summary>
    public bool IsExclusive { get; }

    /// <summary>Whether the namespace includes a name.</summary>
    public bool Includes(string name) => _regex.IsMatch(name);
}

/// <summary>The namespaces of an application service. v1.19 application-service-api#registration</summary>
/// <param name="Users">User ids; only those of local users count.</param>
/// <param name="Aliases">Room aliases.</param>
/// <param name="Rooms">Room ids.</param>
public sealed record Namespaces(
    IReadOnlyList<Namespace> Users, IReadOnlyList<Namespace> Aliases, IReadOnlyList<Namespace> Rooms)
{
    /// <summary>No namespaces.</summary>
    public static Namespaces None { get; } = new([], [], []);
}
