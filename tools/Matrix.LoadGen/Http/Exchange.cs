namespace Matrix.LoadGen.Http;

/// <summary>A request that a client repeats, in two halves, so that one thread can serve many clients.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Begin">Sends the request.</param>
/// <param name="End">Receives the response; throws unless it is the expected one.</param>
internal sealed record Exchange(HttpConnection Connection, Action Begin, Action End)
{
    /// <summary>Both halves.</summary>
    public void Make()
    {
        Begin();
        End();
    }
}
