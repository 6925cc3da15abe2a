namespace Matrix.LoadGen.Http;

/// <summary>A request that a client makes again and again, in two halves: between them other clients have their turn.</summary>
/// <param name="Connection">Where its answer comes.</param>
/// <param name="Begin">Sends it.</param>
/// <param name="End">Receives the answer; throws unless it is the wanted one.</param>
internal sealed record Exchange(HttpConnection Connection, Action Begin, Action End)
{
    /// <summary>Both halves.</summary>
    public void Make()
    {
        Begin();
        End();
    }
}
