using System.Text;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Reads the body of a form (`application/x-www-form-urlencoded`) by name, and records the first mistake: the route's
/// handler is called only if there is none.
/// </summary>
public sealed class FormReader
{
    private readonly QueryReader _pairs;

    /// <summary>Reads the text of a body.</summary>
    internal FormReader(string text) => _pairs = new QueryReader(text);

    /// <summary>Reads the bytes of a body.</summary>
    internal FormReader(ReadOnlySpan<byte> utf8)
        : this(Encoding.UTF8.GetString(utf8))
    {
    }

    /// <summary>The first mistake; null if there is none.</summary>
    public Answer? Problem => _pairs.Problem;

    /// <summary>A name that occurs several times, which OAuth forbids; null if none does.</summary>
    public string? Repeated => _pairs.Repeated;

    /// <summary>A field's first value; null if it is absent.</summary>
    public string? Text(string name) => _pairs.Text(name);

    /// <summary>All values of a field.</summary>
    public string[] Texts(string name) => _pairs.Texts(name);

    /// <summary>The first values of all fields.</summary>
    public IReadOnlyDictionary<string, string> All => _pairs.TextsExcept();

    /// <summary>A required field; empty (and a mistake) if it is absent.</summary>
    public string RequiredText(string name)
    {
        if (_pairs.Text(name) is { } value) return value;
        _pairs.Refuse(MatrixError.MissingParam, $"The field `{name}` is missing.");
        return "";
    }

    /// <summary>Refuses the request for the endpoint's own reason. The first mistake stays.</summary>
    public void Refuse(string code, string message) => _pairs.Refuse(code, message);
}
