namespace Matrix.Import.Media;

/// <summary>Where a bucket is, and how it is read.</summary>
/// <param name="Bucket">The bucket's name.</param>
/// <param name="Prefix">What the names of its objects begin with.</param>
/// <param name="Region">The region; empty for the client's default.</param>
/// <param name="EndPoint">The service's address; empty for Amazon's.</param>
/// <param name="AccessKey">The id of the key; empty if the environment has one.</param>
/// <param name="SecretKey">The key.</param>
/// <param name="SessionToken">What a temporary key has besides; empty for none.</param>
/// <param name="EncryptionKey">The customer's key by which objects are encrypted; empty for none.</param>
internal sealed record BucketAddress(
    string Bucket, string Prefix, string Region, string EndPoint, string AccessKey, string SecretKey,
    string SessionToken, string EncryptionKey)
{
    /// <summary>The bucket only: the keys are secret.</summary>
    public override string ToString() => Bucket;
}
