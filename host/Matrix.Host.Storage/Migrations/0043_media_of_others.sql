-- Media of other servers is looked through without that of users of this one.
CREATE INDEX media_unused_of_others ON media (accessed_at) WHERE uploader IS NULL;
